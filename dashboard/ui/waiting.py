"""What stands in the place of something that is still being read."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import streamlit as st

from dashboard.reading import StillReading


@contextmanager
def waiting(doing: str, height_px: int) -> Iterator[None]:
    """Hold a place while the block runs: what is done, for how long already, and the height it will take.

    What comes at once is never seen to have been waited for: both appear after half a second.  A read that
    goes on beside the page takes both along.
    """
    place = st.empty()  # a container that is left empty would leave a gap
    with ExitStack() as shown:
        shown.callback(place.empty)
        with place.container():
            # Each in a place of its own: in the same one Streamlit 1.67 shows the later alone.
            with st.container():
                shown.enter_context(st.spinner(doing, show_time=True))
            with st.container():
                shown.enter_context(st.skeleton(height_px))
        try:
            yield
        except StillReading as still:
            still.doing, still.height_px = doing, height_px
            raise
