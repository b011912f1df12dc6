# SPDX-License-Identifier: Apache-2.0
"""Flow records as a matrix, the same in training and in serving."""
from __future__ import annotations

import os
from typing import Any, List, Optional, Sequence, Union

import numpy
import pyarrow
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._stream import Flows, read

Rows = Union[str, "os.PathLike[str]", Flows, pyarrow.Table, pyarrow.RecordBatch, Sequence[Any]]


class FlowTransformer(TransformerMixin, BaseEstimator):
    """Numeric columns of flow records as float32, shape (records, features).

    `fit` takes the columns from what it sees, `transform` gives these, in this order, whatever else is there. X is the
    path of a capture, a `Flows`, a `pyarrow.Table` or a `RecordBatch`, or a list of batches.

    Parameters:
        profile: of captures that are given by path.
        columns: names; None: all numeric and boolean columns that `fit` sees but the label, which is what is to be
            learnt. Captures given by path are read without what tells who or when; a `Flows` or a table should be made
            with `no_identity=True`, too.
        fill: stands for null.

    Attributes:
        feature_names_in_: the columns, once it is fitted.
    """

    _TARGET = ("label", "attack")

    def __init__(self, profile: str = "all", columns: Optional[Sequence[str]] = None, fill: float = 0.0) -> None:
        self.profile = profile
        self.columns = columns
        self.fill = fill

    def _table(self, X: Rows) -> pyarrow.Table:
        if isinstance(X, (str, os.PathLike)):
            X = read(X, profile=self.profile, no_identity=self.columns is None)
        if isinstance(X, Flows):
            return X.to_arrow()
        if isinstance(X, pyarrow.RecordBatch):
            return pyarrow.Table.from_batches([X])
        if isinstance(X, pyarrow.Table):
            return X
        return pyarrow.Table.from_batches(list(X))

    def _chosen(self, schema: pyarrow.Schema) -> List[str]:
        if self.columns is not None:
            return list(self.columns)
        types = pyarrow.types
        return [f.name for f in schema
                if (types.is_integer(f.type) or types.is_floating(f.type) or types.is_boolean(f.type))
                and f.name not in self._TARGET]

    def fit(self, X: Rows, y: Any = None) -> "FlowTransformer":
        """Chooses the columns."""
        schema = X.schema if hasattr(X, "schema") else self._table(X).schema
        self.feature_names_in_ = numpy.asarray(self._chosen(schema), dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    def fit_transform(self, X: Rows, y: Any = None, **_: Any) -> numpy.ndarray:
        """Both, reading X once: a `Flows` is a stream."""
        table = self._table(X)
        return self.fit(table).transform(table)

    def transform(self, X: Rows) -> numpy.ndarray:
        """float32, shape (records, features), C order.

        Raises:
            KeyError: a column of the training is not there.
            sklearn.exceptions.NotFittedError: `fit` comes first.
        """
        check_is_fitted(self)
        table = self._table(X)
        out = numpy.empty((table.num_rows, len(self.feature_names_in_)), dtype=numpy.float32)
        for i, name in enumerate(self.feature_names_in_):
            column = table.column(name)
            if pyarrow.types.is_boolean(column.type):
                column = column.cast(pyarrow.uint8())
            out[:, i] = column.cast(pyarrow.float64(), safe=False).fill_null(self.fill).to_numpy()
        return out

    def get_feature_names_out(self, input_features: Any = None) -> numpy.ndarray:
        """The columns."""
        check_is_fitted(self)
        return self.feature_names_in_
