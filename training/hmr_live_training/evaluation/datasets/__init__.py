"""The data that estimators are evaluated on, one kind a module, each giving rows of figures."""
