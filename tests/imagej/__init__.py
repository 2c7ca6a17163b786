"""The plugin in a real ImageJ 1.54p, with a real worker and real models: what no test of one side alone can show."""
