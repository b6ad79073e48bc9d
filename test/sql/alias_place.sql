-- A session remembers where the row of an alias lies.  The answer is that of
-- the statement's snapshot all the same, whatever became of the row.
SET client_min_messages = error;
CREATE TABLE alp AS SELECT i AS a, i > 50 AS y FROM generate_series(1, 100) i;
SELECT version FROM mlops.train('alp', 'alp', 'y', params => '{"num_boost_round": 5}');
SELECT version FROM mlops.train('alp', 'SELECT a, NOT y AS y FROM alp', 'y', params => '{"num_boost_round": 5}', deploy => 'false');
SELECT version FROM mlops.train('alp_b', 'SELECT a, NOT y AS y FROM alp', 'y', params => '{"num_boost_round": 5}');
PREPARE label(mlops.model_ref) AS SELECT mlops.predict_label($1, t) FROM alp t WHERE a = 90;
EXECUTE label('alp');
EXECUTE label('alp');
EXECUTE label('alp_b');
-- a change that is not committed, one that is taken back, one of a subtransaction
BEGIN;
SELECT mlops.deploy('alp/2');
EXECUTE label('alp');
ROLLBACK;
EXECUTE label('alp');
BEGIN;
SAVEPOINT s;
SELECT mlops.deploy('alp/2');
EXECUTE label('alp');
ROLLBACK TO s;
EXECUTE label('alp');
SELECT mlops.deploy('alp/2');
EXECUTE label('alp');
COMMIT;
EXECUTE label('alp');
-- other statements of one function, each with its snapshot
DO $$
DECLARE labels text[];
BEGIN
	FOR i IN 1 .. 4 LOOP
		PERFORM mlops.deploy(('alp/' || 1 + i % 2)::mlops.model_ref);
		labels := labels || (SELECT mlops.predict_label('alp', t) FROM alp t WHERE a = 90);
	END LOOP;
	RAISE INFO '%', labels;
END $$;
-- an old snapshot, after a change of the same transaction
BEGIN ISOLATION LEVEL REPEATABLE READ;
EXECUTE label('alp');
SELECT mlops.deploy('alp/2');
EXECUTE label('alp');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
EXECUTE label('alp');
SELECT mlops.deploy('alp/1');
EXECUTE label('alp');
COMMIT;
-- the row of another alias takes the place of one that was dropped
SELECT mlops.set_alias('alp/1', 'one'), mlops.set_alias('alp/2', 'two');
EXECUTE label('alp@one');
EXECUTE label('alp@two');
SELECT mlops.drop_alias('alp', 'one');
EXECUTE label('alp@one');
VACUUM mlops.alias;
DO $$
BEGIN
	FOR i IN 1 .. 40 LOOP
		PERFORM mlops.set_alias('alp/2', 'a' || i);
	END LOOP;
END $$;
EXECUTE label('alp@one');
SELECT mlops.set_alias('alp/2', 'one');
EXECUTE label('alp@one');
-- the table is written anew
VACUUM FULL mlops.alias;
EXECUTE label('alp');
EXECUTE label('alp@one');
-- more aliases than are remembered
SELECT count(DISTINCT mlops.predict('alp@a' || i, t)) FROM alp t, generate_series(1, 40) i WHERE a = 90;
SELECT count(DISTINCT mlops.predict('alp@a' || i, t)) FROM alp t, generate_series(1, 40) i WHERE a = 90;
-- a model that was dropped, and one with its name
SELECT mlops.drop_model('alp');
EXECUTE label('alp');
SELECT version FROM mlops.train('alp', 'SELECT a, NOT y AS y FROM alp', 'y', params => '{"num_boost_round": 5}');
EXECUTE label('alp');
SELECT mlops.drop_model('alp'), mlops.drop_model('alp_b');
DROP TABLE alp;
