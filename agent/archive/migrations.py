"""Migrations from older schemas, each in the SQL of its schema."""

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
FROM_3 = (
    "ALTER TABLE runs ADD COLUMN version VARCHAR NOT NULL DEFAULT '1'",
    "CREATE TABLE run_bounds (run INTEGER NOT NULL, digest VARCHAR NOT NULL, lower FLOAT NOT NULL, "
    "upper FLOAT NOT NULL, solution JSON, solver VARCHAR NOT NULL, seconds FLOAT NOT NULL, "
    "PRIMARY KEY (run, digest), FOREIGN KEY(run) REFERENCES runs (id))",
    "CREATE TABLE leases (run INTEGER NOT NULL, token VARCHAR NOT NULL, host VARCHAR NOT NULL, "
    "pid INTEGER NOT NULL, birth VARCHAR NOT NULL, expires FLOAT NOT NULL, "
    "PRIMARY KEY (run), FOREIGN KEY(run) REFERENCES runs (id))",
)
SQLITE_FROM_3 = (
    "CREATE TABLE new_programs (id INTEGER NOT NULL, problem VARCHAR NOT NULL, version VARCHAR NOT NULL, "
    "hash VARCHAR NOT NULL, source VARCHAR NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (id), "
    "UNIQUE (problem, version, hash))",
    "INSERT INTO new_programs SELECT id, problem, '1', hash, source, size FROM programs ORDER BY id",
    "DROP TABLE programs",
    "ALTER TABLE new_programs RENAME TO programs",
    "CREATE TABLE new_baselines (problem VARCHAR NOT NULL, version VARCHAR NOT NULL, digest VARCHAR NOT NULL, "
    "instance VARCHAR NOT NULL, lower FLOAT NOT NULL, upper FLOAT NOT NULL, solution JSON, "
    "solver VARCHAR NOT NULL, seconds FLOAT NOT NULL, allowed FLOAT NOT NULL, "
    "PRIMARY KEY (problem, version, digest))",
    "INSERT INTO new_baselines SELECT problem, '1', digest, instance, lower, upper, solution, solver, seconds, "
    "seconds FROM baselines",
    "DROP TABLE baselines",
    "ALTER TABLE new_baselines RENAME TO baselines",
)
OTHERS_FROM_3 = (
    "ALTER TABLE programs ADD COLUMN version VARCHAR NOT NULL DEFAULT '1'",
    "ALTER TABLE programs DROP CONSTRAINT programs_problem_hash_key",
    "ALTER TABLE programs ADD UNIQUE (problem, version, hash)",
    "ALTER TABLE baselines ADD COLUMN version VARCHAR NOT NULL DEFAULT '1'",
    "ALTER TABLE baselines ADD COLUMN allowed FLOAT NOT NULL DEFAULT 0",
    "UPDATE baselines SET allowed = seconds",
    "ALTER TABLE baselines DROP CONSTRAINT baselines_pkey",
    "ALTER TABLE baselines ADD PRIMARY KEY (problem, version, digest)",
)
FROM_4 = (
    "CREATE INDEX candidates_of_run ON candidates (run, slot, outcome, operator, charged, gate, train_gap, "
    "validation_gap, program)",
    "CREATE INDEX calls_of_run ON calls (run, slot, model, operator, usd, seconds, tokens_in, tokens_cached, "
    "tokens_out)",
)

FROM_5 = ("ALTER TABLE evaluations ADD COLUMN compile_seconds FLOAT NOT NULL DEFAULT 0",)


def _migrate_from_1(connection: Connection) -> None:
    """Adds costs per slot, kinds of arms and unique events.

    Evaluations are stored in the order of their key.
    """
    for statement in FROM_1:
        connection.exec_driver_sql(statement)
    if connection.dialect.name == "sqlite":
        for statement in SQLITE_FROM_1:
            connection.exec_driver_sql(statement)


def _migrate_from_2(connection: Connection) -> None:
    """Adds batches of model requests, and counterexamples of formulations."""
    for statement in FROM_2:
        connection.exec_driver_sql(statement)


def _migrate_from_3(connection: Connection) -> None:
    """Adds versions of problems, solver limits, bounds of runs, and leases."""
    sqlite = connection.dialect.name == "sqlite"
    for statement in (*FROM_3, *(SQLITE_FROM_3 if sqlite else OTHERS_FROM_3)):
        connection.exec_driver_sql(statement)


def _migrate_from_4(connection: Connection) -> None:
    """Adds indexes that hold what is summed over a run."""
    for statement in FROM_4:
        connection.exec_driver_sql(statement)


def _migrate_from_5(connection: Connection) -> None:
    """Adds the time for which programs were compiled."""
    for statement in FROM_5:
        connection.exec_driver_sql(statement)


MIGRATIONS: Mapping[int, Migration] = {
    1: _migrate_from_1,
    2: _migrate_from_2,
    3: _migrate_from_3,
    4: _migrate_from_4,
    5: _migrate_from_5,
}
"""Migrations by the version from which they lead to the next one."""
