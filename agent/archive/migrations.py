"""The ways up from older schemas, each in the words of its day."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

Migration = Callable[[Connection], None]

FROM_1 = (
    "ALTER TABLE candidates ADD COLUMN arm VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE candidates ADD COLUMN model VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE candidates ADD COLUMN behaviour VARCHAR NOT NULL DEFAULT ''",
    "ALTER TABLE candidates ADD COLUMN cpu_seconds FLOAT",
    "ALTER TABLE candidates ADD COLUMN evaluated INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE candidates ADD COLUMN charged INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX ix_candidates_program",
    "CREATE INDEX candidates_of_program ON candidates (program, run, slot) WHERE program IS NOT NULL",
    "CREATE INDEX candidates_by_rank ON candidates (run, (gate <> 'passed'), (validation_gap IS NULL), "
    "validation_gap, train_gap, slot) WHERE train_gap IS NOT NULL",
    "ALTER TABLE arms RENAME TO old_arms",
    "CREATE TABLE arms (run INTEGER NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL, "
    "tries INTEGER NOT NULL, gains INTEGER NOT NULL, reward FLOAT NOT NULL, cost FLOAT NOT NULL, "
    "PRIMARY KEY (run, kind, name), FOREIGN KEY(run) REFERENCES runs (id))",
    "INSERT INTO arms SELECT run, 'operator', name, tries, gains, 0.0, 0.0 FROM old_arms",
    "DROP TABLE old_arms",
    "DELETE FROM events WHERE id NOT IN (SELECT min(id) FROM events GROUP BY run, slot, kind)",
    "DROP INDEX events_of_run",
    "CREATE UNIQUE INDEX events_of_run ON events (run, slot, kind)",
)
SQLITE_FROM_1 = (
    "ALTER TABLE evaluations RENAME TO old_evaluations",
    "CREATE TABLE evaluations (program INTEGER NOT NULL, digest VARCHAR NOT NULL, "
    "instance VARCHAR NOT NULL, outcome VARCHAR NOT NULL, message VARCHAR NOT NULL, cost FLOAT, "
    "cpu_seconds FLOAT NOT NULL, isolation INTEGER NOT NULL, PRIMARY KEY (program, digest), "
    "FOREIGN KEY(program) REFERENCES programs (id)) WITHOUT ROWID",
    "INSERT INTO evaluations SELECT program, digest, instance, outcome, message, cost, cpu_seconds, isolation "
    "FROM old_evaluations ORDER BY program, digest",
    "DROP TABLE old_evaluations",
)
FROM_2 = (
    "CREATE TABLE batches (name VARCHAR NOT NULL, run INTEGER NOT NULL, id VARCHAR NOT NULL, "
    "model VARCHAR NOT NULL, system VARCHAR NOT NULL, slots JSON, state VARCHAR NOT NULL, ends JSON, "
    "made FLOAT NOT NULL, PRIMARY KEY (name), FOREIGN KEY(run) REFERENCES runs (id))",
    "CREATE INDEX ix_batches_run ON batches (run)",
    "CREATE TABLE counterexamples (formulation VARCHAR NOT NULL, digest VARCHAR NOT NULL, data JSON, "
    "optimum FLOAT NOT NULL, found FLOAT NOT NULL, program INTEGER, PRIMARY KEY (formulation, digest), "
    "FOREIGN KEY(program) REFERENCES programs (id))",
)


def _from_1(connection: Connection) -> None:
    """What a slot took, kinds of arms, one event of a kind for a slot; evaluations lie in the order of their key."""
    for statement in FROM_1:
        connection.exec_driver_sql(statement)
    if connection.dialect.name == "sqlite":
        for statement in SQLITE_FROM_1:
            connection.exec_driver_sql(statement)


def _from_2(connection: Connection) -> None:
    """Batches of questions, and what formulations were refuted by."""
    for statement in FROM_2:
        connection.exec_driver_sql(statement)


MIGRATIONS: Mapping[int, Migration] = {1: _from_1, 2: _from_2}
"""From the version that is the key to the next one."""
