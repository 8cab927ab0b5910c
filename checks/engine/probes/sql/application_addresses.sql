-- The stored addresses of media, as counts: signed with which key, and until when.
-- source: penhas_checks.media_addresses()
-- scope: any; versions: 14 and later
SELECT addresses, other_key, malformed, extract(epoch FROM soonest - now()) AS soonest
FROM penhas_checks.media_addresses();
