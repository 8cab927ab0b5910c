-- Whether archiving fails now, and how long the oldest segment waits (catalogue PG24). Counters of failures stay after
-- it has healed, so they are not asked. Segments that wait where there is nothing to archive them with fail too.
-- source: pg_stat_archiver, pg_ls_archive_statusdir()
-- scope: primary; versions: 14 and later
SELECT current_setting('archive_mode') <> 'off' AS enabled,
       a.last_failed_time IS NOT NULL AND a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
           OR w.ready > 0 AND current_setting('archive_mode') <> 'off' AND current_setting('archive_command') = ''
              AND coalesce(current_setting('archive_library', true), '') = '' AS failing,
       coalesce(extract(epoch FROM clock_timestamp() - w.oldest), 0) AS waiting,
       w.ready
FROM pg_stat_archiver a,
     (SELECT count(*) AS ready, min(modification) AS oldest
      FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') AS w;
