"""A file system of one's own: an ext4 image, mounted through a loop device. Needs root."""
import errno
import os
import shutil
import subprocess
import tempfile

import coord


class Disk:
    """A file system in an image, of which one can have what would survive a power cut."""

    def __init__(self, size):
        """`size` as truncate takes it; what is not used takes no memory."""
        self.dir = tempfile.mkdtemp(prefix="vapora-disk-", dir="/dev/shm")
        self.image, self.mounted = os.path.join(self.dir, "disk.img"), os.path.join(self.dir, "mnt")
        os.mkdir(self.mounted)
        self.must("truncate", "-s", size, self.image)
        self.must("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=8", self.image)
        self.mount()
        self.data = os.path.join(self.mounted, "data")
        os.mkdir(self.data)
        self.must("sync", "-f", self.data)

    @staticmethod
    def must(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)

    def mount(self):
        self.must("mount", "-o", "loop", self.image, self.mounted)

    def fill(self, leaving_mib):
        """Take the room until so much is left."""
        fs = os.statvfs(self.mounted)
        take = fs.f_bavail * fs.f_frsize - (max(leaving_mib, 1) << 20)
        self.must("fallocate", "-l", str(take), os.path.join(self.mounted, f"ballast{leaving_mib}"))
        if leaving_mib == 0:
            self.write_until_full(os.path.join(self.mounted, "ballast"))

    @staticmethod
    def write_until_full(path):
        try:
            with open(path, "wb", buffering=0) as file:
                while file.write(bytes(4096)):
                    os.fsync(file.fileno())
        except OSError as error:
            assert error.errno == errno.ENOSPC, error

    def free(self):
        for name in os.listdir(self.mounted):
            if name.startswith("ballast"):
                os.remove(os.path.join(self.mounted, name))

    def remount(self, mode):
        self.must("mount", "-o", f"remount,{mode}", self.mounted)

    def copy(self):
        self.must("cp", "--sparse=always", self.image, self.image + ".cut")

    def unmount(self):
        """Clients may be reading the URL of the server at this moment."""
        return subprocess.run(["umount", self.mounted], capture_output=True, check=False).returncode == 0

    def lose_the_rest(self):
        coord.until("the disk to be let go", self.unmount)
        os.replace(self.image + ".cut", self.image)
        self.mount()

    def close(self):
        coord.until("the disk to be let go", self.unmount)
        shutil.rmtree(self.dir)


def why_not():
    """Why this machine has none; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        Disk("64M").close()
    except (AssertionError, OSError) as error:
        return f"needs a loop device and mkfs.ext4: {error}"
    return None
