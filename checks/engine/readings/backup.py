"""What is read of the backups and of the copy restored from the newest one."""
