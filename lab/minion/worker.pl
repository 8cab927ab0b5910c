#!/usr/bin/env perl
# The lab's Minion worker: PenhaS's tasks by name and the canary's, each of which does nothing but finish.
use Mojolicious::Lite -signatures;

app->log->level('warn');
plugin Minion => {Pg => $ENV{MINION_PG}};
# PenhaS keeps its jobs for 31 days
app->minion->remove_after(31 * 86400);

for my $task (
  qw(canary cliente_update_cep delete_audio delete_user new_notification news_display_indexer news_indexer send_sms)) {
  app->minion->add_task($task => sub ($job, @) { $job->finish });
}

app->start;
