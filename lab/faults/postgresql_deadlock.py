"""Makes a deadlock of two transactions: called by the faults of sessions."""

import threading

import psycopg

Connection = psycopg.Connection[tuple[object, ...]]


def embrace(one: Connection, two: Connection) -> None:
    """Let two transactions wait for each other; the server ends one of them."""
    for connection, row in ((one, 1), (two, 2)):
        connection.execute("BEGIN")
        connection.execute("SELECT FROM public.lab_fault WHERE id = %s FOR UPDATE", (row,))

    def lock(connection: Connection, row: int) -> None:
        try:
            connection.execute("SELECT FROM public.lab_fault WHERE id = %s FOR UPDATE", (row,))
        except psycopg.errors.DeadlockDetected:
            pass
        finally:
            connection.execute("ROLLBACK")

    threads = [threading.Thread(target=lock, args=pair) for pair in ((one, 2), (two, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
