"""Item: one row whole - its fields, its vector, its nearest rows, and whether the index can find it."""

import streamlit as st

from dashboard.ui import item_bar, item_find, item_view, messages, pickers
from db.items import Missing

column = pickers.pick_column()
key = st.query_params.get(item_view.KEY, "")
item = item_bar.read(column, key) if column and key else None

if column is None:
    item_bar.nothing()
elif item is None:
    item_bar.ask(column)
elif isinstance(item, Missing):
    item_bar.missing(column, item)
else:
    item_bar.header(item)
    left, right = st.columns([5, 4])
    with left:
        item_view.texts(item)
        item_view.fields(item)
    with right:
        item_view.vector(item)
        with messages.told_to_the_reader():
            item_find.card(item)
        with messages.told_to_the_reader():
            item_view.copies(item)
    item_view.nearest(item)
