"""What a person sees: widgets, tables, charts, messages. The only place that imports Streamlit, Plotly and pandas."""
