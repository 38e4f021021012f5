"""Where the disk, the machine and the packaged files are touched."""
