/** Shells that there is a completion script for. */
export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

/**
 * The script that makes a shell ask `NAME __complete WORD...` for candidates. It answers one candidate a line, a tab
 * and what it means behind it; the line `:file` or `:directory` hands over to the shell's own completion of paths.
 */
export function completionScript(shell: Shell, name: string): string {
  return scripts[shell].replaceAll("NAME", name).replaceAll("FUNCTION", `_${name.replaceAll("-", "_")}`);
}

const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for NAME
FUNCTION() {
  local cur=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  # Bash splits words at = and :, so the line is split anew at blanks.
  local words
  read -r -a words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ \${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
  local word=\${words[\${#words[@]}-1]}
  # What bash has split off already must not be inserted again.
  local cut=\${word%"$cur"}
  [[ $cur == "=" || $cur == ":" ]] && cut=$word
  while IFS= read -r line; do
    case $line in
      :file) compopt -o filenames; COMPREPLY+=($(compgen -f -- "\${cur#=}")) ;;
      :directory) compopt -o filenames; COMPREPLY+=($(compgen -d -- "\${cur#=}")) ;;
      *) line=\${line%%$'\\t'*}; COMPREPLY+=("\${line#"$cut"}") ;;
    esac
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F FUNCTION NAME
`,
  zsh: `#compdef NAME
FUNCTION() {
  local line word
  local -a described
  while IFS= read -r line; do
    case $line in
      :file) _files ;;
      :directory) _files -/ ;;
      *)
        word=\${\${line%%$'\\t'*}//:/\\\\:}
        if [[ $line == *$'\\t'?* ]]; then described+=("$word:\${line#*$'\\t'}"); else described+=("$word"); fi
        ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#described} )) && _describe 'NAME' described
}
if [[ $funcstack[1] == FUNCTION ]]; then FUNCTION "$@"; else compdef FUNCTION NAME; fi
`,
  fish: `# fish completion for NAME
function FUNCTION
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    switch $line
      case :file
        __fish_complete_path (commandline -ct)
      case :directory
        __fish_complete_directories (commandline -ct)
      case '*'
        echo $line
    end
  end
end
complete -c NAME -f -a '(FUNCTION)'
`,
};
