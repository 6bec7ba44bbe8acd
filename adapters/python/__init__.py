"""The Python adapter: any class with fit and predict, scikit-learn's above all.

factory      nested maps -> objects
modules      the user's own modules, kept as text with the model
frames       tables -> arrays or pandas DataFrames
predictions  what estimators return -> tables
trees        scikit-learn's trees, asked without their own look at the input
lean         scikit-learn and skops, imported without what is not needed
formats      models <-> bytes: skops, or pickle
adapter      the Adapter
"""
