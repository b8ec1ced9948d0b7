/*
 * criu as a servant: `criu swrk` is asked over a SEQPACKET socket in its own protocol, messages of protocol buffers
 * (criu's images/rpc.proto). Only so does it give away the master of a terminal that it has made, wait at a step for
 * hooks, and make the restored process a sibling of its own, which is a child of ours.
 */
#include "operations.h"

#include "../common/memory.h"
#include "../common/names.h"
#include "channel.h"
#include "inherited.h"
#include "spawn.h"

#define CRIU_NOTIFY 6
#define MAX_ANSWER 16384
/* Descriptors of the servant: the socket, then those that it inherits. */
#define SERVANT_SOCKET 3
#define SERVANT_DESCRIPTORS 4

/* What is read of criu_resp. */
struct answer {
	uint64_t type;
	bool success;
	/* The process that the step is about; 0: none. */
	int pid;
	/* The step of which it tells; not terminated. */
	const char *script;
	size_t script_length;
};

/* Bytes that are still to be read. */
struct wire {
	const unsigned char *at;
	const unsigned char *end;
};

static bool take_varint(struct wire *wire, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
		unsigned char byte = *wire->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

struct member {
	unsigned number;
	/* Of a number. */
	uint64_t value;
	/* Of text or a message; empty for a number. */
	struct wire bytes;
};

/* The next field; false at the end, and for bytes that are no message. */
static bool take_member(struct wire *wire, struct member *member)
{
	uint64_t key;
	if (!take_varint(wire, &key))
		return false;
	member->number = (unsigned)(key >> 3);
	member->value = 0;
	member->bytes.at = member->bytes.end = wire->at;
	if ((key & 7) == 0)
		return take_varint(wire, &member->value);
	uint64_t length = (key & 7) == 1 ? 8 : 4;
	if ((key & 7) == 2 && !take_varint(wire, &length))
		return false;
	if ((key & 7) > 5 || length > (uint64_t)(wire->end - wire->at))
		return false;
	member->bytes.at = wire->at;
	wire->at += length;
	member->bytes.end = wire->at;
	return true;
}

static void read_answer(struct answer *answer, const unsigned char *bytes, size_t length)
{
	struct wire wire = { .at = bytes, .end = bytes + length };
	struct member member;
	memset(answer, 0, sizeof(*answer));
	while (take_member(&wire, &member)) {
		if (member.number == 1)
			answer->type = member.value;
		else if (member.number == 2)
			answer->success = member.value == 1;
		else if (member.number == 5) {
			struct wire notify = member.bytes;
			while (take_member(&notify, &member)) {
				if (member.number == 2)
					answer->pid = (int)member.value;
				if (member.number != 1)
					continue;
				answer->script = (const char *)member.bytes.at;
				answer->script_length = (size_t)(member.bytes.end - member.bytes.at);
			}
		}
	}
}

static bool tells_of(const struct answer *answer, const char *step)
{
	return answer->script_length == text_length(step) && memcmp(answer->script, step, answer->script_length) == 0;
}

/* Puts the descriptors on 3 to 6, whatever has these numbers; an absent one (-1) leaves its number free. */
static int place_descriptors(struct execution *x, const int *wanted)
{
	int copies[SERVANT_DESCRIPTORS];
	for (unsigned i = 0; i < SERVANT_DESCRIPTORS; i++) {
		copies[i] = wanted[i] < 0 ? -1 : k_fcntl(wanted[i], F_DUPFD_CLOEXEC, SERVANT_SOCKET + SERVANT_DESCRIPTORS);
		if (wanted[i] >= 0 && copies[i] < 0)
			return fail(x, copies[i], "fcntl(%f, F_DUPFD_CLOEXEC)", wanted[i]);
	}
	/* It stays for the failure of execve, which closes it. */
	int channel = k_fcntl(x->channel, F_DUPFD_CLOEXEC, SERVANT_SOCKET + SERVANT_DESCRIPTORS);
	if (channel < 0)
		return fail(x, channel, "fcntl(%f, F_DUPFD_CLOEXEC)", x->channel);
	x->channel = channel;
	close_from(SERVANT_SOCKET, -1, true);
	for (unsigned i = 0; i < SERVANT_DESCRIPTORS; i++) {
		int number = SERVANT_SOCKET + (int)i;
		int error = copies[i] < 0 ? 0 : k_dup3(copies[i], number, 0);
		if (error < 0)
			return fail(x, error, "dup3(%f, %d)", copies[i], number);
	}
	return 0;
}

int op_become_servant(struct execution *x)
{
	if (!x->is_child)
		return fail_as(x, FAILED_PROTOCOL, 0, "only the container section has a parent");
	char **argv = list_vector(x, raw_field(x, BECOME_SERVANT_ARGS));
	char **envp = argv ? list_vector(x, raw_field(x, BECOME_SERVANT_ENV)) : NULL;
	if (!envp)
		return -1;
	int ends[2];
	int error = k_socketpair(TYPE_SEQPACKET, ends);
	if (error < 0)
		return fail(x, error, "socketpair(SOCK_SEQPACKET)");
	error = channel_send(x->channel, MESSAGE_DESCRIPTOR, 0, ends[0]);
	if (error < 0)
		return fail(x, error, "sendmsg(SCM_RIGHTS %f)", ends[0]);
	const int wanted[SERVANT_DESCRIPTORS] = {
		ends[1],
		in_field(x, BECOME_SERVANT_FIRST),
		in_field(x, BECOME_SERVANT_SECOND),
		in_field(x, BECOME_SERVANT_THIRD),
	};
	if (place_descriptors(x, wanted) < 0)
		return -1;
	/* It still dies with its parent: nobody else listens to it. */
	k_umask(x->caller_umask);
	unblock_signals();
	error = k_execve(argv[0], argv, envp);
	return fail_as(x, FAILED_EXECUTABLE, error, "execve(%q): %s", argv[0], errno_name(-error));
}

static int send_bytes(struct execution *x, const void *bytes, size_t length)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	struct kernel_message envelope = { .vectors = &vector, .vector_count = 1 };
	long sent = k_sendmsg(x->servant.socket, &envelope, MESSAGE_NOSIGNAL);
	/* It has ended already: whoever follows it finds that out, and its log tells why. */
	if (sent == -EPIPE)
		return 0;
	return sent < 0 ? fail(x, sent, "sendmsg(%f), to criu", x->servant.socket) : 0;
}

int op_ask_servant(struct execution *x)
{
	if (x->is_child || x->child.pid == 0 || x->servant.pid != 0)
		return fail_as(x, FAILED_PROTOCOL, 0, "there is no child to be a servant");
	int32_t value;
	int socket;
	if (channel_expect(x, MESSAGE_DESCRIPTOR, &value, &socket) < 0)
		return -1;
	if (socket < 0)
		return fail_as(x, FAILED_PROTOCOL, EBADF, "the container section passed no socket");
	x->servant = (struct servant){ .pid = x->child.pid, .socket = socket };
	return send_bytes(x, text_field(x, ASK_SERVANT_REQUEST), data_length(x, ASK_SERVANT_REQUEST));
}

static int need_servant(struct execution *x)
{
	return x->servant.pid == 0 ? fail_as(x, FAILED_PROTOCOL, 0, "criu was asked nothing") : 0;
}

int op_agree_servant(struct execution *x)
{
	/* criu_req: type NOTIFY, notify_success. */
	static const unsigned char go_on[] = { 1 << 3, CRIU_NOTIFY, 3 << 3, 1 };
	return need_servant(x) < 0 ? -1 : send_bytes(x, go_on, sizeof(go_on));
}

/* Until criu says something, or a signal ends this program. */
static int wait_for_servant(struct execution *x)
{
	for (;;) {
		struct pollfd watched[2] = {
			{ .fd = x->servant.socket, .events = POLLIN },
			{ .fd = x->signals, .events = POLLIN },
		};
		int ready = k_poll(watched, 2, NULL);
		if (ready < 0)
			return fail(x, ready, "ppoll(%f)", x->servant.socket);
		if (watched[0].revents)
			return 0;
		if (check_interrupted(x) < 0)
			return -1;
	}
}

/* The process that criu restores: its sibling, and so a child of ours, which takes its place. */
static int adopt_restored(struct execution *x, int pid)
{
	if (pid <= 0)
		return fail_as(x, FAILED_PROTOCOL, EPROTO, "criu named no process");
	if (pid == x->child.pid)
		return 0;
	int pidfd = k_pidfd_open(pid);
	if (pidfd < 0)
		return fail(x, pidfd, "pidfd_open(%d)", pid);
	if (x->channel >= 0)
		k_close(x->channel);
	x->channel = -1;
	k_close(x->child.pidfd);
	x->child = (struct child){ .pid = pid, .pidfd = pidfd, .detached = true, .executed = true };
	return 0;
}

/*
 * Until the servant has ended. It takes what it has made away, if it can: criu 4.2 waits for ever for the first process
 * of a PID namespace that has children, whose ends it is to be told itself as their tracer. A signal ends it then.
 */
static void await_servant(struct execution *x)
{
	CLOSING pidfd = k_pidfd_open(x->servant.pid);
	bool interrupted = x->failure.kind == FAILED_SIGNAL;
	while (pidfd >= 0 && !interrupted) {
		struct pollfd watched[2] = {
			{ .fd = pidfd, .events = POLLIN },
			{ .fd = x->signals, .events = POLLIN },
		};
		if (k_poll(watched, 2, NULL) < 0 || watched[0].revents)
			return;
		interrupted = pending_interruption(x) != 0;
	}
	k_kill(x->servant.pid, SIGKILL);
}

void end_servant(struct execution *x, bool failed)
{
	if (x->servant.pid == 0)
		return;
	/* It ends when nobody is there to ask. */
	k_close(x->servant.socket);
	if (failed)
		await_servant(x);
	siginfo_t info = { 0 };
	k_waitid(P_PID, x->servant.pid, &info, WEXITED);
	if (x->child.pid == x->servant.pid) {
		x->child.ended = true;
		x->child.code = info.si_code;
		x->child.status = info.si_status;
	}
	x->servant = (struct servant){ .pid = 0 };
}

int op_follow_servant(struct execution *x)
{
	if (need_servant(x) < 0)
		return -1;
	const char *step = text_field(x, FOLLOW_SERVANT_STEP);
	unsigned char bytes[MAX_ANSWER];
	for (;;) {
		if (wait_for_servant(x) < 0)
			return -1;
		struct iovec vector = { .iov_base = bytes, .iov_len = sizeof(bytes) };
		struct kernel_rights rights = { 0 };
		struct kernel_message envelope = {
			.vectors = &vector, .vector_count = 1, .control = &rights, .control_length = sizeof(rights)
		};
		long length = k_recvmsg(x->servant.socket, &envelope, MESSAGE_CLOEXEC);
		bool has_master = envelope.control_length >= RIGHTS_LENGTH && rights.type == CONTROL_RIGHTS;
		CLOSING master = length > 0 && has_master ? rights.descriptor : -1;
		if (length <= 0)
			return fail(x, length < 0 ? length : EPIPE, "recvmsg(%f), from criu", x->servant.socket);
		struct answer answer;
		read_answer(&answer, bytes, (size_t)length);
		if (!answer.success)
			return fail(x, EPROTO, "criu has failed");
		if (answer.type != CRIU_NOTIFY) {
			end_servant(x, false);
			return step ? fail_as(x, FAILED_PROTOCOL, EPROTO, "criu left out its step %q", step) : 0;
		}
		if (master >= 0 && tells_of(&answer, "orphan-pts-master")) {
			out_field(x, FOLLOW_SERVANT_TERMINAL, master);
			master = -1;
		}
		if (step && tells_of(&answer, step))
			return adopt_restored(x, answer.pid);
		if (op_agree_servant(x) < 0)
			return -1;
	}
}
