-- The database and the roles of bookspool's ledger and spool in PostgreSQL. Run it once, as a superuser:
--
--     psql --file roles.sql
--     psql --command "\password bookspool_owner" --command "\password bookspool"
--
-- Then, and again after each upgrade of bookspool that says so:
--
--     bookspool ledger migrate postgresql://bookspool_owner@HOST/bookspool
--
-- Three roles, each with no more than it needs:
--
--   bookspool_owner   owns the tables: only `bookspool ledger migrate`
--   bookspool         the drain, and commands that write: replay, release, prune, forget, rebuild, reconcile,
--                     ledger copy, ledger move-spool
--   bookspool_reader  commands that only look: list, show, trace, status, agenda
\set ON_ERROR_STOP on

CREATE ROLE bookspool_owner LOGIN;
CREATE ROLE bookspool LOGIN;
CREATE ROLE bookspool_reader LOGIN;

CREATE DATABASE bookspool OWNER bookspool_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE bookspool FROM PUBLIC;
GRANT CONNECT ON DATABASE bookspool TO bookspool, bookspool_reader;

\connect bookspool
CREATE SCHEMA bookspool AUTHORIZATION bookspool_owner;
GRANT USAGE ON SCHEMA bookspool TO bookspool, bookspool_reader;

-- The tables that bookspool ledger migrate makes, now and later.
ALTER DEFAULT PRIVILEGES FOR ROLE bookspool_owner IN SCHEMA bookspool
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bookspool;
ALTER DEFAULT PRIVILEGES FOR ROLE bookspool_owner IN SCHEMA bookspool
    GRANT SELECT ON TABLES TO bookspool_reader;
