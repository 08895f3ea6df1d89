"""The motion pad: paint what moves, draw where it goes. The model needs no widget library."""
