-- The settings that a standby must have at least as high as its primary, or replay pauses.
-- source: current_setting()
-- scope: any; versions: 14 and later
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('max_worker_processes')::int AS max_worker_processes,
       current_setting('max_wal_senders')::int AS max_wal_senders,
       current_setting('max_prepared_transactions')::int AS max_prepared_transactions,
       current_setting('max_locks_per_transaction')::int AS max_locks_per_transaction;
