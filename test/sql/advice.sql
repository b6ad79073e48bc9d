-- What training says about suspicious data, and what it does not say.
CREATE TABLE advice_data AS
SELECT i AS id, (i * 37) % 101 AS x, 3.5 * y AS after_the_fact, y, y > 10 AS late,
	   at, at + interval '1 day' AS paid_at, i / 5 AS customer, 7 AS seven, md5(i::text) AS token
FROM (SELECT i, (i * 37) % 101 / 7.0 + (i * 53) % 97 / 9.0 AS y,
			 timestamp '2024-01-01' + i * interval '7 hours' AS at
	  FROM generate_series(1, 1000) i) s;

-- the example
SELECT rows_train
FROM mlops.train('advice_leak', 'advice_data', target => 'y',
                 features => '{x,after_the_fact}', task => 'regression');
SELECT advice FROM mlops.runs WHERE model = 'advice_leak';

SELECT version FROM mlops.train('advice', 'advice_data', 'late', features => '{x,y}', split => 'stratified');
SELECT version FROM mlops.train('advice', 'advice_data', 'y', features => '{x,id,token,seven}', task => 'regression', split => 'none');
SELECT version FROM mlops.train('advice', 'advice_data', 'y', features => '{x,paid_at,at}', task => 'regression', event_time => 'at');
SELECT version FROM mlops.train('advice', 'advice_data', 'y', features => 'x', task => 'regression', key => 'customer', split => 'random');
SELECT version FROM mlops.train('advice', 'SELECT x, y, customer FROM advice_data UNION ALL SELECT x, y, customer FROM advice_data', 'y', features => '{x,customer}', task => 'regression', split => 'random');
SELECT version FROM mlops.train('advice', 'advice_data', 'id IN (5, 10, 900)', features => 'x', split => 'none');
SELECT version FROM mlops.train('advice', 'SELECT * FROM advice_data LIMIT 40', 'y', features => 'x', task => 'regression', split => 'none');

-- nothing to say
SELECT version FROM mlops.train('advice', 'advice_data', 'y', features => '{x,at}', task => 'regression', key => 'customer', event_time => 'at', split => 'hash');
SELECT mlops.drop_model('advice'), mlops.drop_model('advice_leak');
DROP TABLE advice_data;
