"""Benchmarks: what exact search and each index cost, and what they find, on a column's own rows."""

from dashboard.ui import benchmark_form, benchmark_live, benchmark_view, messages, pickers, runs

run = runs.in_address()
column = pickers.pick_column(must_exist=run is None)
job_id = pickers.job_in_address()
if run is None and job_id is None and column:
    run = runs.latest(column)
if run and run.state == "running":
    job_id = run.job_id

runs.header(run, column)
if column and (runs.wants_new() or (run is None and job_id is None)):
    benchmark_form.draw(column)
elif job_id:
    benchmark_live.watch(job_id)
elif run:
    benchmark_view.report(run, column, runs.compared_with(run))
else:
    messages.no_column()
