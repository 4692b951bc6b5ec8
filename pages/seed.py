"""Load rows with vectors: from a generator, or from a file."""

import streamlit as st

from dashboard.seeding.plan import check
from dashboard.ui import import_plan, imports, seeding, state
from dashboard.ui.messages import told_to_the_reader
from dashboard.ui.pickers import job_in_address
from dashboard.ui.progress import begin, follow

with st.container(gap=None):
    st.title("Seed & import", anchor=False)
    st.caption("Rows with vectors, made or read from a file; loading is a job and goes on if you leave")

if job_id := job_in_address():
    job = follow(job_id)
    if job.kind == "import":
        import_plan.show(job)
    elif job.result:
        seeding.result(job.result)
    if st.button("Load something else", icon=":material/add:"):
        del st.query_params["job"]
        st.rerun()
else:
    source = seeding.choose_source()
    if source is None:
        asked = imports.ask()
        with st.container(horizontal=True, vertical_alignment="center"):
            wanted = st.button(
                "Check it", type="primary", icon=":material/rule:", disabled=asked is None, key="check import"
            )
            st.caption("Reads every row and says what would happen; nothing is written")
        if wanted and asked:
            import_plan.check(asked)
    else:
        left, right = st.columns([2, 3])
        request = None
        with left.container(border=True, height="stretch"):
            st.subheader("What to load", anchor=False)
            with told_to_the_reader():
                request = seeding.ask(source)
            if (
                st.button("Load", type="primary", icon=":material/upload:", disabled=request is None)
                and request
            ):
                with told_to_the_reader():
                    check(state.database(), request)
                    job_id = begin("populate", request.to_params())
                    st.query_params["job"] = str(job_id)
                    st.rerun()
        with right.container(border=True, height="stretch"):
            st.subheader("What you get", anchor=False)
            if request is not None:
                with told_to_the_reader():
                    seeding.preview(seeding.sample_of(request))
