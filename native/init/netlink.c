#include "netlink.h"

#include "../common/format.h"
#include "../common/memory.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define FAMILY_NETLINK 16
#define TYPE_RAW 3
#define GET_INTERFACE_FLAGS 0x8913
#define SET_INTERFACE_FLAGS 0x8914
#define GET_INTERFACE_INDEX 0x8933
#define INTERFACE_UP 1
#define SCOPE_UNIVERSE 0
#define REQUEST_SIZE 256
#define ANSWER_SIZE 16384

/* struct ifreq, of which flags and index are used. */
struct interface_request {
	char name[NAME_SIZE];
	union {
		short flags;
		int index;
		char padding[24];
	};
};

struct request {
	union {
		struct nlmsghdr header;
		char bytes[REQUEST_SIZE];
	};
};

int netlink_open(void)
{
	return k_socket(FAMILY_NETLINK, TYPE_RAW);
}

/* The kernel answers interface requests on a socket of any family, for the socket's own namespace. */
static int interface_call(int socket, unsigned long command, const char *name, struct interface_request *request)
{
	size_t length = text_length(name);
	if (length == 0 || length >= NAME_SIZE)
		return -EINVAL;
	memcpy(request->name, name, length + 1);
	return k_ioctl(socket, command, request);
}

int link_index(int socket, const char *name)
{
	struct interface_request request = { .index = 0 };
	int error = interface_call(socket, GET_INTERFACE_INDEX, name, &request);
	return error < 0 ? error : request.index;
}

int link_is_up(int socket, const char *name)
{
	struct interface_request request = { .index = 0 };
	int error = interface_call(socket, GET_INTERFACE_FLAGS, name, &request);
	return error < 0 ? error : request.flags & INTERFACE_UP;
}

int link_set_up(int socket, const char *name, bool up)
{
	struct interface_request request = { .index = 0 };
	int error = interface_call(socket, GET_INTERFACE_FLAGS, name, &request);
	if (error < 0)
		return error;
	request.flags = (short)(up ? request.flags | INTERFACE_UP : request.flags & ~INTERFACE_UP);
	return k_ioctl(socket, SET_INTERFACE_FLAGS, &request);
}

/* A message with a fixed part of `size` bytes behind its header, which is zero. */
static struct request start_request(uint16_t type, uint16_t flags, size_t size)
{
	struct request request = { .bytes = { 0 } };
	request.header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	request.header.nlmsg_type = type;
	request.header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	request.header.nlmsg_seq = 1;
	return request;
}

/* Callers add a handful of small attributes, which always fit. */
static void add_attribute(struct request *request, uint16_t type, const void *data, size_t length)
{
	size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
	struct rtattr attribute = { .rta_len = (uint16_t)RTA_LENGTH(length), .rta_type = type };
	memcpy(request->bytes + at, &attribute, sizeof(attribute));
	memcpy(request->bytes + at + RTA_LENGTH(0), data, length);
	request->header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(length));
}

static long send_request(int socket, struct request *request)
{
	struct iovec vector = { .iov_base = request, .iov_len = request->header.nlmsg_len };
	struct kernel_message message = { .vectors = &vector, .vector_count = 1 };
	return k_sendmsg(socket, &message, MESSAGE_NOSIGNAL);
}

static long receive(int socket, char *answer)
{
	struct iovec vector = { .iov_base = answer, .iov_len = ANSWER_SIZE };
	struct kernel_message message = { .vectors = &vector, .vector_count = 1 };
	long length = k_recvmsg(socket, &message, 0);
	return length >= 0 && (message.flags & MESSAGE_TRUNCATED) ? -EMSGSIZE : length;
}

/* Sends a message and waits for the kernel's acknowledgement. */
static int perform(int socket, struct request *request)
{
	long sent = send_request(socket, request);
	if (sent < 0)
		return (int)sent;
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	long length = receive(socket, answer);
	if (length < 0)
		return (int)length;
	const struct nlmsghdr *header = (const void *)answer;
	if ((size_t)length < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	const struct nlmsgerr *result = (const void *)(answer + NLMSG_LENGTH(0));
	return result->error;
}

int link_move(int socket, int index, int namespace, const char *name)
{
	struct request request = start_request(RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	struct ifinfomsg link = { .ifi_index = index };
	memcpy(request.bytes + NLMSG_LENGTH(0), &link, sizeof(link));
	add_attribute(&request, IFLA_NET_NS_FD, &namespace, sizeof(namespace));
	add_attribute(&request, IFLA_IFNAME, name, text_length(name) + 1);
	return perform(socket, &request);
}

static void take_part(const struct rtattr *attribute, uint8_t *to, bool *has, uint8_t length)
{
	if (attribute->rta_len != RTA_LENGTH(length))
		return;
	memcpy(to, (const char *)attribute + RTA_LENGTH(0), length);
	*has = true;
}

/* What one message of the list tells, when it is about that device and of the kind that is kept. */
static int take_address(const struct nlmsghdr *header, int index, struct link_addresses *found)
{
	struct ifaddrmsg fixed;
	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(fixed)))
		return -EPROTO;
	memcpy(&fixed, (const char *)header + NLMSG_LENGTH(0), sizeof(fixed));
	bool wanted = (int)fixed.ifa_index == index && fixed.ifa_scope == SCOPE_UNIVERSE &&
	              (fixed.ifa_flags & IFA_F_PERMANENT);
	if (!wanted)
		return 0;
	struct link_address address = { .family = fixed.ifa_family, .prefix = fixed.ifa_prefixlen };
	address.length = fixed.ifa_family == FAMILY_INET ? 4 : 16;
	for (size_t at = NLMSG_SPACE(sizeof(fixed)); at + sizeof(struct rtattr) <= header->nlmsg_len;) {
		const struct rtattr *attribute = (const void *)((const char *)header + at);
		if (attribute->rta_len < sizeof(*attribute) || at + attribute->rta_len > header->nlmsg_len)
			return -EPROTO;
		if (attribute->rta_type == IFA_LOCAL)
			take_part(attribute, address.local, &address.has_local, address.length);
		else if (attribute->rta_type == IFA_ADDRESS)
			take_part(attribute, address.peer, &address.has_peer, address.length);
		else if (attribute->rta_type == IFA_BROADCAST)
			take_part(attribute, address.broadcast, &address.has_broadcast, address.length);
		at += RTA_ALIGN(attribute->rta_len);
	}
	if (found->count == MAX_ADDRESSES)
		return -E2BIG;
	found->list[found->count++] = address;
	return 0;
}

int link_addresses(int socket, int index, struct link_addresses *found)
{
	found->count = 0;
	struct request request = start_request(RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	long sent = send_request(socket, &request);
	if (sent < 0)
		return (int)sent;
	int result = 0;
	for (;;) {
		_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
		long length = receive(socket, answer);
		if (length < 0)
			return (int)length;
		for (size_t at = 0; at + sizeof(struct nlmsghdr) <= (size_t)length;) {
			const struct nlmsghdr *header = (const void *)(answer + at);
			if (header->nlmsg_len < sizeof(*header) || at + header->nlmsg_len > (size_t)length)
				return -EPROTO;
			if (header->nlmsg_type == NLMSG_DONE)
				return result;
			if (header->nlmsg_type == NLMSG_ERROR)
				return -EPROTO;
			/* The list is read to its end, else the next answer would be one of it. */
			if (header->nlmsg_type == RTM_NEWADDR && result == 0)
				result = take_address(header, index, found);
			at += NLMSG_ALIGN(header->nlmsg_len);
		}
	}
}

int link_add_address(int socket, int index, const struct link_address *address)
{
	struct request request =
		start_request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ifaddrmsg));
	struct ifaddrmsg fixed = {
		.ifa_family = address->family,
		.ifa_prefixlen = address->prefix,
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_scope = SCOPE_UNIVERSE,
		.ifa_index = (unsigned)index,
	};
	memcpy(request.bytes + NLMSG_LENGTH(0), &fixed, sizeof(fixed));
	if (address->has_local)
		add_attribute(&request, IFA_LOCAL, address->local, address->length);
	if (address->has_peer)
		add_attribute(&request, IFA_ADDRESS, address->peer, address->length);
	if (address->has_broadcast)
		add_attribute(&request, IFA_BROADCAST, address->broadcast, address->length);
	return perform(socket, &request);
}
