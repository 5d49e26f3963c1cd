-- What tests/bench/whatif prints: the runs of a family, held against summary.csv (imported as table summary).

CREATE TEMP VIEW counted AS
SELECT run_id, coalesce(sum(value) FILTER (WHERE name IN ('pgsteal_kswapd', 'pgsteal_direct')), 0) AS stolen,
	coalesce(sum(value) FILTER (WHERE name = 'pageoutrun'), 0) AS kswapd_runs,
	coalesce(sum(value) FILTER (WHERE name LIKE 'allocstall_%'), 0) AS stalls
FROM counters GROUP BY run_id;

-- What a run's slab caches had grown by at one of its samples.
CREATE TEMP VIEW grown AS
SELECT s.run_id, s.sample_id, sum(c.grown) AS slabs FROM samples s JOIN cache_stats c USING (sample_id) GROUP BY s.sample_id;

CREATE TEMP TABLE one AS
SELECT r.run_id, r.machine, z.free_pages AS free, s.slab_bytes / r.page_size AS slab,
	(SELECT slabs FROM grown g WHERE g.run_id = r.run_id ORDER BY sample_id DESC LIMIT 1) -
	(SELECT slabs FROM grown g WHERE g.run_id = r.run_id ORDER BY sample_id LIMIT 1) AS grown,
	k.stolen, k.kswapd_runs, k.stalls,
	(SELECT unusable_index FROM frag_samples f WHERE f.sample_id = s.sample_id AND f.zone = 'DMA32' AND f."order" = 3) AS unusable_3,
	(SELECT unusable_index FROM frag_samples f WHERE f.sample_id = s.sample_id AND f.zone = 'DMA32' AND f."order" = 9) AS unusable_9
FROM runs r
	JOIN samples s ON s.sample_id = (SELECT max(sample_id) FROM samples l WHERE l.run_id = r.run_id)
	JOIN zone_samples z ON z.sample_id = s.sample_id AND z.zone = 'DMA32'
	JOIN counted k ON k.run_id = r.run_id;

-- Of several runs of a machine, that differ in their seeds, the median of each figure.
CREATE TEMP VIEW figures AS
SELECT machine, 'free' AS what, free AS value FROM one UNION ALL
SELECT machine, 'slab', slab FROM one UNION ALL
SELECT machine, 'grown', grown FROM one UNION ALL
SELECT machine, 'stolen', stolen FROM one UNION ALL
SELECT machine, 'kswapd_runs', kswapd_runs FROM one UNION ALL
SELECT machine, 'stalls', stalls FROM one UNION ALL
SELECT machine, 'unusable_3', unusable_3 FROM one UNION ALL
SELECT machine, 'unusable_9', unusable_9 FROM one;
CREATE TEMP VIEW ranked AS
SELECT *, row_number() OVER (PARTITION BY machine, what ORDER BY value) AS rank, count(*) OVER (PARTITION BY machine, what) AS runs
FROM figures;
CREATE TEMP TABLE medians AS
SELECT machine, what, max(value) FILTER (WHERE rank = (runs + 1) / 2) AS value, min(value) AS least, max(value) AS most
FROM ranked GROUP BY machine, what;
CREATE TEMP TABLE model AS
SELECT min(run_id) AS run_id, machine,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'free') AS free,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'slab') AS slab,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'grown') AS grown,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'stolen') AS stolen,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'kswapd_runs') AS kswapd_runs,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'stalls') AS stalls,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'unusable_3') AS unusable_3,
	(SELECT value FROM medians m WHERE m.machine = o.machine AND what = 'unusable_9') AS unusable_9,
	(SELECT least || ' to ' || most FROM medians m WHERE m.machine = o.machine AND what = 'stolen') AS range_stolen,
	(SELECT least || ' to ' || most FROM medians m WHERE m.machine = o.machine AND what = 'kswapd_runs') AS range_runs,
	(SELECT least || ' to ' || most FROM medians m WHERE m.machine = o.machine AND what = 'stalls') AS range_stalls,
	(SELECT printf('%.2f to %.2f', least, most) FROM medians m WHERE m.machine = o.machine AND what = 'unusable_3') AS range_3
FROM one o GROUP BY machine;

CREATE TEMP TABLE real AS
SELECT run AS machine, CAST(cpus AS INTEGER) AS cpus, CAST("managed:DMA32" AS INTEGER) AS managed,
	CAST("free_end:DMA32" AS INTEGER) AS free, CAST(slab_pages_all_caches AS INTEGER) AS slab,
	CAST("ev:slab_grow" AS INTEGER) AS grown, pgsteal_kswapd + pgsteal_direct AS stolen, CAST(pageoutrun AS INTEGER) AS kswapd_runs,
	allocstall_dma + allocstall_dma32 + allocstall_normal + allocstall_movable AS stalls,
	CAST("unusable_o3:DMA32" AS REAL) AS later_3, CAST(u.unusable_3 AS REAL) AS unusable_3, CAST(u.unusable_9 AS REAL) AS unusable_9, 1 AS counts
FROM summary s JOIN unusable u ON u.machine = s.run;
INSERT INTO real
SELECT machine || suffix, cpus, managed, free, slab, grown, stolen, kswapd_runs, stalls, later_3, unusable_3, unusable_9, 0
FROM real, (SELECT '-measured' AS suffix UNION SELECT '-untold' UNION SELECT '-random' UNION SELECT '-no-refault') WHERE stolen > 0;

-- How far a machine is from itself, run again.
CREATE TEMP TABLE noise AS
SELECT abs(a.free - b.free) AS free, abs(a.slab - b.slab) AS slab, abs(a.grown - b.grown) AS grown
FROM real a, real b WHERE a.machine = 'base' AND b.machine = 'base-repeat';

CREATE TEMP VIEW held AS
SELECT m.machine, r.stolen > 0 AS reclaims, m.free AS m_free, r.free AS r_free, 100.0 * (m.free - r.free) / r.managed AS free_off,
	m.slab AS m_slab, r.slab AS r_slab, 100.0 * (m.slab - r.slab) / r.slab AS slab_off,
	m.grown AS m_grown, r.grown AS r_grown, 100.0 * (m.grown - r.grown) / r.grown AS grown_off,
	CASE WHEN r.cpus = b.cpus THEN 2.0 ELSE 5.0 END AS slab_limit,
	(abs(r.free - b.free) <= n.free OR (m.free > mb.free) = (r.free > b.free)) +
	(abs(r.slab - b.slab) <= n.slab OR (m.slab > mb.slab) = (r.slab > b.slab)) +
	(abs(r.grown - b.grown) <= n.grown OR (m.grown > mb.grown) = (r.grown > b.grown)) AS right_ways,
	m.stolen AS m_stolen, r.stolen AS r_stolen, m.kswapd_runs AS m_runs, r.kswapd_runs AS r_runs, m.stalls AS m_stalls,
	r.stalls AS r_stalls, m.unusable_3 AS m_3, r.unusable_3 AS r_3, m.unusable_9 AS m_9, r.unusable_9 AS r_9, r.later_3, r.counts,
	m.range_stolen, m.range_runs, m.range_stalls, m.range_3
FROM model m JOIN real r USING (machine), real b, model mb, noise n WHERE b.machine = 'base' AND mb.machine = 'base'
ORDER BY r.stolen > 0, m.run_id;

.headers off
.print | machine | free pages: model, real, off by | slab pages | slabs grown | right directions | within limits |
.print |---|---|---|---|---|---|
SELECT printf('| %s | %d, %d, %+.2f %% | %d, %d, %+.2f %% | %d, %d, %+.1f %% | %d of 3 | %s |', machine, m_free, r_free, free_off,
	m_slab, r_slab, slab_off, m_grown, r_grown, grown_off, right_ways,
	CASE WHEN abs(free_off) <= 1 AND abs(slab_off) <= slab_limit AND abs(grown_off) <= 10 AND right_ways = 3 THEN 'yes' ELSE 'no' END)
FROM held WHERE NOT reclaims;
.print
.print | machine with reclaim | pages reclaimed: model (with other seeds), real | kswapd runs | direct reclaims | slab pages | unusable index, order 3 (real: a moment later); order 9 | within limits |
.print |---|---|---|---|---|---|---|
SELECT printf('| %s | %d (%s), %d | %d (%s), %d | %d (%s), %d | %d, %d, %+.1f %% | %.3f (%s), %.3f (%.3f); %.3f, %.3f | %s |', machine,
	m_stolen, range_stolen, r_stolen, m_runs, range_runs, r_runs, m_stalls, range_stalls, r_stalls, m_slab, r_slab, slab_off,
	m_3, range_3, r_3, later_3, m_9, r_9,
	CASE WHEN m_stolen BETWEEN r_stolen / 1.3 AND r_stolen * 1.3 AND m_runs BETWEEN r_runs / 2.5 AND r_runs * 2.5 AND
		m_stalls BETWEEN r_stalls / 2.5 AND r_stalls * 2.5 AND abs(slab_off) <= 15 AND
		m_3 BETWEEN min(r_3, later_3) - 0.15 AND max(r_3, later_3) + 0.15 AND
		abs(m_9 - r_9) <= 0.15 THEN 'yes' WHEN counts THEN 'no' ELSE '(no)' END)
FROM held WHERE reclaims;
