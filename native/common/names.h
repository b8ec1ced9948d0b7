/* Symbolic names of errno and signal numbers. */
#ifndef CORTEN_NAMES_H
#define CORTEN_NAMES_H

/* "EPERM" for 1; "errno 4000" names are not made up: an unknown number gives "EUNKNOWN", 0 gives "". */
const char *errno_name(int number);

/* "SIGTERM" for 15; an unknown or real-time number gives "SIGRT". */
const char *signal_name(int number);

#endif
