"""The read side: each module is one projection, its table and its position; `runner` keeps them caught up."""
