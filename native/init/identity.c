/* Who the process is and what it may do. */
#include "operations.h"
#include "spawn.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/resource.h>

#ifndef CAP_LAST_CAP
#define CAP_LAST_CAP 40
#endif

int op_set_umask(struct execution *x)
{
	k_umask(unsigned_field(x, SET_UMASK_MASK) & 0777);
	return 0;
}

int op_set_limit(struct execution *x)
{
	int resource = (int)int_field(x, SET_LIMIT_RESOURCE);
	struct rlimit64 limit = { .rlim_cur = raw_field(x, SET_LIMIT_SOFT), .rlim_max = raw_field(x, SET_LIMIT_HARD) };
	long error = call4(__NR_prlimit64, 0, resource, &limit, NULL);
	return error < 0 ? fail(x, error, "prlimit64(0, %d, {%l, %l})", resource, (int64_t)limit.rlim_cur,
	                        (int64_t)limit.rlim_max)
	                 : 0;
}

int op_cap_limit(struct execution *x)
{
	int resource = (int)int_field(x, CAP_LIMIT_RESOURCE);
	uint64_t soft = raw_field(x, CAP_LIMIT_SOFT);
	struct rlimit64 limit;
	long error = call4(__NR_prlimit64, 0, resource, NULL, &limit);
	if (error >= 0 && limit.rlim_cur > soft) {
		limit.rlim_cur = soft;
		error = call4(__NR_prlimit64, 0, resource, &limit, NULL);
	}
	return error < 0 ? fail(x, error, "prlimit64(0, %d, {%l})", resource, (int64_t)soft) : 0;
}

int op_set_personality(struct execution *x)
{
	uint64_t domain = raw_field(x, SET_PERSONALITY_DOMAIN);
	long error = call1(__NR_personality, domain);
	return error < 0 ? fail(x, error, "personality(%x)", domain) : 0;
}

int op_set_dumpable(struct execution *x)
{
	int value = (int)int_field(x, SET_DUMPABLE_VALUE);
	int error = k_prctl(PR_SET_DUMPABLE, (unsigned long)value, 0);
	return error < 0 ? fail(x, error, "prctl(PR_SET_DUMPABLE, %d)", value) : 0;
}

int op_set_no_new_privileges(struct execution *x)
{
	int error = k_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	return error < 0 ? fail(x, error, "prctl(PR_SET_NO_NEW_PRIVS, 1)") : 0;
}

int op_drop_bounding(struct execution *x)
{
	uint64_t mask = raw_field(x, DROP_BOUNDING_MASK);
	for (unsigned capability = 0; capability < 64; capability++) {
		int present = k_prctl(PR_CAPBSET_READ, capability, 0);
		if (present < 0)
			break;
		if (!present || (mask >> capability & 1))
			continue;
		int error = k_prctl(PR_CAPBSET_DROP, capability, 0);
		if (error < 0)
			return fail(x, error, "prctl(PR_CAPBSET_DROP, %d)", (int)capability);
	}
	return 0;
}

#define MAX_GROUPS 65536

static int set_groups(struct execution *x)
{
	uint64_t list = raw_field(x, SET_USER_GROUPS);
	uint32_t count = plan_length(list);
	if (count > MAX_GROUPS)
		return fail(x, EINVAL, "setgroups(%d groups)", (int)count);
	/* The vector of pointers is overwritten by the numbers, which are half as long. */
	char **vector = list_vector(x, list);
	if (!vector)
		return -1;
	uint32_t *groups = (uint32_t *)(void *)vector;
	for (uint32_t i = 0; i < count; i++) {
		const char *text = plan_element(&x->plan, list, i);
		uint64_t gid;
		const char *end = parse_unsigned(text, &gid);
		if (!end || *end || gid > UINT32_MAX - 1)
			return fail(x, EINVAL, "setgroups(%q)", text);
		groups[i] = (uint32_t)gid;
	}
	long error = call2(__NR_setgroups, count, groups);
	/* A user namespace in which the kernel denies it: the groups that are inherited cannot be dropped. */
	if (error == -EPERM && count == 0 && int_field(x, SET_USER_SETGROUPS) == 2)
		return 0;
	return error < 0 ? fail(x, error, "setgroups(%d groups)", (int)count) : 0;
}

int op_set_user(struct execution *x)
{
	unsigned uid = unsigned_field(x, SET_USER_UID);
	unsigned gid = unsigned_field(x, SET_USER_GID);
	int kept = k_prctl(PR_SET_KEEPCAPS, 1, 0);
	if (kept < 0)
		return fail(x, kept, "prctl(PR_SET_KEEPCAPS, 1)");
	if (int_field(x, SET_USER_SETGROUPS) && set_groups(x) < 0)
		return -1;
	long error = call3(__NR_setresgid, gid, gid, gid);
	if (error < 0)
		return fail(x, error, "setresgid(%l)", (int64_t)gid);
	error = call3(__NR_setresuid, uid, uid, uid);
	if (error < 0)
		return fail(x, error, "setresuid(%l)", (int64_t)uid);
	return bind_to_parent(x);
}

int op_set_capabilities(struct execution *x)
{
	uint64_t effective = raw_field(x, SET_CAPABILITIES_EFFECTIVE);
	uint64_t permitted = raw_field(x, SET_CAPABILITIES_PERMITTED);
	uint64_t inheritable = raw_field(x, SET_CAPABILITIES_INHERITABLE);
	uint64_t ambient = raw_field(x, SET_CAPABILITIES_AMBIENT);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};
	long error = call2(__NR_capset, &header, data);
	if (error < 0)
		return fail(x, error, "capset(effective %x, permitted %x, inheritable %x)", effective, permitted,
		            inheritable);
	error = k_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
	if (error < 0 && (error != -EINVAL || ambient))
		return fail(x, error, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)");
	for (unsigned capability = 0; capability < 64; capability++) {
		if (!(ambient >> capability & 1))
			continue;
		error = k_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
		if (error < 0)
			return fail(x, error, "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, %d)", (int)capability);
	}
	return bind_to_parent(x);
}
