-- The mail queue: what is due and not sent, and what failed within the hour.
-- source: penhas_checks.mail_queue()
-- scope: any; versions: 14 and later
SELECT waiting, oldest, failed FROM penhas_checks.mail_queue();
