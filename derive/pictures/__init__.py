"""From programs to drawings: data flow, stage by stage, and circuits. Imports ``language``."""
