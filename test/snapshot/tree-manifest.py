"""Prints one line for everything in a tree that a container can see: what two trees must have in common.

usage: tree-manifest.py ROOT
"""
import hashlib
import os
import stat
import sys

root = sys.argv[1]
first_names = {}


def content(path, mode):
    if stat.S_ISLNK(mode):
        return os.readlink(path)
    if stat.S_ISREG(mode):
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        return digest.hexdigest()
    return ""


def attributes(path):
    values = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        # Where overlayfs keeps its own notes; a container does not see them.
        if not name.startswith("trusted.overlay."):
            values.append(f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()}")
    return ",".join(values)


def show(path):
    status = os.lstat(path)
    name = os.path.relpath(path, root)
    is_directory = stat.S_ISDIR(status.st_mode)
    same = first_names.setdefault((status.st_dev, status.st_ino), name)
    print(
        repr(name),
        oct(status.st_mode),
        f"{status.st_uid}:{status.st_gid}",
        # The link count and size of a directory are the file system's own business.
        "-" if is_directory else f"{status.st_nlink} {status.st_size}",
        status.st_rdev if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode) else "-",
        status.st_mtime_ns,
        "-" if is_directory else repr(same),
        attributes(path),
        repr(content(path, status.st_mode)),
    )


show(root)
for directory, folders, files in os.walk(root):
    folders.sort()
    for name in sorted(folders + files):
        show(os.path.join(directory, name))
