"""What a person sees: widgets, tables, charts. Nothing else knows Streamlit, Plotly or pandas."""
