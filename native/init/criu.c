/*
 * criu as a servant: `criu swrk` is asked over a SEQPACKET socket in its own protocol, messages of protocol buffers
 * (criu's images/rpc.proto). Only so does it give away the master of a terminal that it has made.
 */
#include "operations.h"

#include "../common/memory.h"
#include "inherited.h"
#include "spawn.h"

#include <linux/prctl.h>

#define CRIU_NOTIFY 6
#define MAX_ANSWER 16384

/* What is read of criu_resp. */
struct answer {
	uint64_t type;
	bool success;
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

/* In the new process: the socket is descriptor 3, and nothing else is left of ours. */
__attribute__((noreturn)) static void become_criu(struct execution *x, int socket, char **argv,
                                                  char **envp)
{
	k_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	k_umask(x->caller_umask);
	int error = k_dup3(socket, 3, 0);
	close_from(4, -1, true);
	reset_dispositions();
	unblock_signals();
	if (error >= 0)
		k_execve(argv[0], argv, envp);
	k_exit(127);
}

static int send_bytes(struct execution *x, int socket, const void *bytes, size_t length)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	struct kernel_message envelope = { .vectors = &vector, .vector_count = 1 };
	long sent = k_sendmsg(socket, &envelope, MESSAGE_NOSIGNAL);
	return sent < 0 ? fail(x, sent, "sendmsg(%f), to criu", socket) : 0;
}

/* Until criu says how it ended. */
static int converse(struct execution *x, int socket)
{
	/* criu_req: type NOTIFY, notify_success. */
	static const unsigned char go_on[] = { 1 << 3, CRIU_NOTIFY, 3 << 3, 1 };
	unsigned char bytes[MAX_ANSWER];
	if (send_bytes(x, socket, text_field(x, ASK_CRIU_REQUEST), data_length(x, ASK_CRIU_REQUEST)) < 0)
		return -1;
	for (;;) {
		struct iovec vector = { .iov_base = bytes, .iov_len = sizeof(bytes) };
		struct kernel_rights rights = { 0 };
		struct kernel_message envelope = {
			.vectors = &vector, .vector_count = 1, .control = &rights, .control_length = sizeof(rights)
		};
		long length = k_recvmsg(socket, &envelope, MESSAGE_CLOEXEC);
		if (length == -EINTR)
			continue;
		bool has_master = envelope.control_length >= RIGHTS_LENGTH && rights.type == CONTROL_RIGHTS;
		CLOSING master = length > 0 && has_master ? rights.descriptor : -1;
		if (length <= 0)
			return fail(x, length < 0 ? length : EPIPE, "recvmsg(%f), from criu", socket);
		struct answer answer;
		read_answer(&answer, bytes, (size_t)length);
		if (!answer.success)
			return fail(x, EPROTO, "criu has failed");
		if (answer.type != CRIU_NOTIFY)
			return 0;
		if (master >= 0 && tells_of(&answer, "orphan-pts-master")) {
			out_field(x, ASK_CRIU_TERMINAL, master);
			master = -1;
		}
		if (send_bytes(x, socket, go_on, sizeof(go_on)) < 0)
			return -1;
	}
}

int op_ask_criu(struct execution *x)
{
	char **argv = list_vector(x, raw_field(x, ASK_CRIU_PROGRAM));
	char **envp = argv ? list_vector(x, raw_field(x, ASK_CRIU_ENV)) : NULL;
	if (!envp)
		return -1;
	int ends[2];
	int error = k_socketpair(TYPE_SEQPACKET, ends);
	if (error < 0)
		return fail(x, error, "socketpair(SOCK_SEQPACKET)");
	CLOSING theirs = ends[1];
	int ours = ends[0];
	long pid = call5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		become_criu(x, theirs, argv, envp);
	k_close(theirs);
	theirs = -1;
	int result = pid < 0 ? fail(x, pid, "clone(), for criu") : converse(x, ours);
	/* It ends when nobody is there to ask. */
	k_close(ours);
	if (pid > 0) {
		siginfo_t info = { 0 };
		k_waitid(P_PID, (int)pid, &info, WEXITED);
	}
	return result;
}
