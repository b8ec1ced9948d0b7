/* The program of the image corten/hello: says what it sees from inside its container. */
#include "../common/format.h"
#include "../common/kernel.h"

#include <linux/utsname.h>

int main(int argc, char **argv, char **envp);

/* From another layer than this program: it is only readable when the layers are stacked. */
#define MESSAGE_FILE "/etc/corten/message"

static void read_message(char *text, size_t size)
{
	int fd = k_openat(AT_FDCWD, MESSAGE_FILE, O_RDONLY, 0);
	long length = fd < 0 ? fd : k_read(fd, text, size - 1);
	if (fd >= 0)
		k_close(fd);
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length > 0 ? length : 0] = '\0';
}

/* Entries of the root directory, without "." and "..". */
static int count_root_entries(void)
{
	_Alignas(8) char entries[4096];
	int count = 0;
	int fd = k_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return 0;
	long length;
	while ((length = k_entries(fd, entries, sizeof(entries))) > 0) {
		for (long offset = 0; offset < length;) {
			const struct kernel_directory_entry *entry =
				(const struct kernel_directory_entry *)(const void *)(entries + offset);
			if (!text_equal(entry->name, ".") && !text_equal(entry->name, ".."))
				count++;
			offset += entry->length;
		}
	}
	k_close(fd);
	return count;
}

int main(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	char message[256] = "";
	read_message(message, sizeof(message));
	struct new_utsname system = { 0 };
	call1(__NR_uname, &system);
	uint64_t uid = (uint64_t)call0(__NR_getuid);

	char text[1024];
	struct format out = format_start(text, sizeof(text));
	format_print(&out, "Hello from a Corten container.\n\n");
	format_print(&out, "  message    %s\n", *message ? message : "(" MESSAGE_FILE " is not in the image)");
	format_print(&out, "  hostname   %s\n", system.nodename);
	format_print(&out, "  process    %d, user %l\n", k_getpid(), (int64_t)uid);
	format_print(&out, "  kernel     %s %s (%s)\n", system.sysname, system.release, system.machine);
	format_print(&out, "  root       %d entries in /\n", count_root_entries());
	return k_write(1, out.data, out.length) == (long)out.length ? 0 : 1;
}
