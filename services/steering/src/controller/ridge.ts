/** Ridge regression of several targets on a few coordinates: (XᵀX + λI) A = Xᵀ(T − mean T). Coordinates are centred. */

/** A linear map with its constant: target t = constant_t + Σ_k map[t][k] · x_k. */
export interface LinearMap {
  /** [targets] */
  readonly constant: Float64Array;
  /** [targets][coordinates] */
  readonly map: readonly Float64Array[];
}

/** Fits. @param rows coordinates; @param targets one row of targets a row */
export function fitRidge(
  rows: readonly Float32Array[],
  targets: readonly Float64Array[],
  ridge: number,
): LinearMap {
  const [width, count] = [rows[0]?.length ?? 0, targets[0]?.length ?? 0];
  const constant = Float64Array.from({ length: count }, (_, t) =>
    targets.reduce((sum, row) => sum + (row[t] as number) / targets.length, 0),
  );
  const gram = Array.from({ length: width }, (_, i) =>
    Float64Array.from({ length: width }, (_, j) =>
      rows.reduce(
        (sum, row) => sum + (row[i] as number) * (row[j] as number),
        i === j ? ridge * rows.length : 0,
      ),
    ),
  );
  const map = Array.from({ length: count }, (_, t) => {
    const right = Float64Array.from({ length: width }, (_, i) =>
      rows.reduce(
        (sum, row, n) =>
          sum + (row[i] as number) * ((targets[n] as Float64Array)[t]! - (constant[t] as number)),
        0,
      ),
    );
    return solve(
      gram.map((row) => row.slice()),
      right,
    );
  });
  return { constant, map };
}

/** Targets of one row of coordinates. */
export function applyMap({ constant, map }: LinearMap, row: ArrayLike<number>): Float64Array {
  return constant.map((value, t) =>
    (map[t] as Float64Array).reduce((sum, slope, k) => sum + slope * (row[k] as number), value),
  );
}

/** Gaussian elimination without pivoting: the matrix is symmetric and positive definite. Destroys its arguments. */
function solve(matrix: Float64Array[], right: Float64Array): Float64Array {
  const n = right.length;
  const at = (row: number, column: number) => (matrix[row] as Float64Array)[column] as number;
  for (let pivot = 0; pivot < n; pivot++) {
    for (let row = pivot + 1; row < n; row++) {
      const factor = at(row, pivot) / at(pivot, pivot);
      for (let column = pivot; column < n; column++)
        (matrix[row] as Float64Array)[column] = at(row, column) - factor * at(pivot, column);
      right[row] = (right[row] as number) - factor * (right[pivot] as number);
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    let rest = right[row] as number;
    for (let column = row + 1; column < n; column++) rest -= at(row, column) * (right[column] as number);
    right[row] = rest / at(row, row);
  }
  return right;
}
