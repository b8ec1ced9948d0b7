import type { Command } from "../../command/command.ts";
import {
  attachOptions,
  createOptions,
  execOptions,
  inspectOptions,
  killOptions,
  logsOptions,
  psOptions,
  reportFailureOptions,
  rmOptions,
  runOptions,
  startOptions,
  stopOptions,
  waitOptions,
} from "./container-options.ts";

const group = "Containers";
const container = { name: "CONTAINER", completion: "container" } as const;
const containers = { name: "CONTAINER", repeated: true, completion: "container" } as const;
const running = { name: "CONTAINER", completion: "running-container" } as const;

const commandLine = { name: "COMMAND", optional: true, repeated: true } as const;

export const containerCommands: readonly Command[] = [
  {
    name: "run",
    group,
    summary: "make a container from an image and run a command in it",
    description:
      "The image is fetched first when it is not there. Without -d the container has the caller's stdin, stdout and stderr, and its exit code is the command's: 125 when Corten failed, 126 when the command cannot be run, 127 when there is no such command.",
    arguments: [{ name: "IMAGE", optional: true, completion: "image" }, commandLine],
    options: runOptions,
    optionsFirst: true,
    failure: 125,
    load: () => import("../containers/run.ts"),
    examples: [
      { text: "a shell in Debian that leaves nothing behind", line: "corten run --rm -it debian bash" },
      {
        text: "a server in the background on the host's network",
        line: "corten run -d --name web --network host nginx",
      },
      {
        text: "a command in the host's own files, whose changes are thrown away",
        line: "corten run --rm --rootfs /:O -- sh -c 'rm -r /etc; ls /'",
      },
    ],
  },
  {
    name: "create",
    group,
    summary: "make a container without starting it, and print its ID",
    arguments: [{ name: "IMAGE", optional: true, completion: "image" }, commandLine],
    options: createOptions,
    optionsFirst: true,
    failure: 125,
    load: () => import("../containers/create.ts"),
    examples: [
      {
        text: "make it now, start it later",
        line: "corten create --name job debian date && corten start -a job",
      },
    ],
  },
  {
    name: "start",
    group,
    summary: "start containers that do not run",
    arguments: [containers],
    options: startOptions,
    load: () => import("../containers/start.ts"),
  },
  {
    name: "exec",
    group,
    summary: "run a command in a running container",
    arguments: [running, { name: "COMMAND" }, { name: "ARGUMENT", optional: true, repeated: true }],
    options: execOptions,
    optionsFirst: true,
    failure: 125,
    load: () => import("../containers/exec.ts"),
    examples: [{ text: "a shell in a running container", line: "corten exec -it web sh" }],
  },
  {
    name: "attach",
    group,
    summary: "attach the terminal to a running container",
    arguments: [running],
    options: attachOptions,
    load: () => import("../containers/attach.ts"),
  },
  {
    name: "ps",
    aliases: ["list"],
    group,
    summary: "list containers",
    options: psOptions,
    load: () => import("../containers/ps.ts"),
    examples: [
      { text: "every container, its name and state", line: "corten ps -a --format '{{.Names}} {{.Status}}'" },
      { text: "for programs", line: "corten ps --format json" },
    ],
  },
  {
    name: "logs",
    group,
    summary: "print what a container wrote",
    arguments: [container],
    options: logsOptions,
    load: () => import("../containers/logs.ts"),
    examples: [{ text: "the last ten lines and what follows", line: "corten logs -f -n 10 web" }],
  },
  {
    name: "inspect",
    group,
    summary: "print everything about containers and images as JSON",
    description:
      "NAME may also be a place such as docker://NAME or oci:DIR:NAME: then what skopeo inspect prints of that one image, of which manifest and configuration are read, but no layer.",
    arguments: [{ name: "NAME", repeated: true, completion: "container" }],
    options: inspectOptions,
    load: () => import("../containers/inspect.ts"),
  },
  {
    name: "stop",
    group,
    summary: "ask containers to end, and kill them when they do not",
    arguments: [{ ...containers, completion: "running-container" }],
    options: stopOptions,
    load: () => import("../containers/stop.ts"),
  },
  {
    name: "kill",
    group,
    summary: "send a signal to containers",
    arguments: [{ ...containers, completion: "running-container" }],
    options: killOptions,
    load: () => import("../containers/kill.ts"),
  },
  {
    name: "wait",
    group,
    summary: "wait until containers have ended, and print their exit codes",
    arguments: [{ ...containers, completion: "running-container" }],
    options: waitOptions,
    load: () => import("../containers/wait.ts"),
  },
  {
    name: "rm",
    group,
    summary: "remove containers",
    arguments: [containers],
    options: rmOptions,
    load: () => import("../containers/rm.ts"),
  },
  {
    name: "remove-ended",
    hidden: true,
    summary: "remove a container that ended; corten-monitor calls it",
    arguments: [{ name: "ID" }],
    options: {},
    load: () => import("../containers/remove-ended.ts"),
  },
  {
    name: "report-failure",
    hidden: true,
    summary: "print why a command could not be started; the executor calls it",
    arguments: [{ name: "FILE" }],
    options: reportFailureOptions,
    failure: 125,
    load: () => import("../report-failure.ts"),
  },
];
