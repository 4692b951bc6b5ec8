"""Map: the rows of a vector column as points, coloured, searched and selected."""

from dashboard.ui import map_bar, map_stored, map_view, map_windows, messages, pickers, state

map_stored.in_address()
column = pickers.pick_column()
map_bar.header(column)
if column is None:
    messages.no_column()
    messages.end()

others = state.other_columns(column)
asked = map_bar.ask(column, others)
if asked.method is None:
    map_windows.draw(column, others, where=asked.where, seed=asked.seed)
    messages.end()

if asked.is_job:
    shown = map_stored.pick(column, asked.method, asked)
else:
    shown = map_view.made_at_once(column, asked.method, asked)
if shown:
    map_view.draw(column, others, shown, asked)
