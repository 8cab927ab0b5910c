"""The backups: taking stock of them, looking into the newest, restoring it and proving what came back."""
