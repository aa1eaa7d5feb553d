// How pages are indexed: the same when the index is made and when it is read.

/** Options of MiniSearch. */
export const SEARCH = {
  fields: ["heading", "page", "text"],
  storeFields: ["heading", "page"],
  searchOptions: { boost: { heading: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: "AND" },
};
