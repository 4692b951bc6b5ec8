"""What a person sees: widgets, tables, charts; with Streamlit, Plotly and pandas, which nothing else knows."""
