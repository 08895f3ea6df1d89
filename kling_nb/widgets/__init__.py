"""What a person looks at and clicks. Only this package knows ipywidgets, anywidget and ipycanvas."""
