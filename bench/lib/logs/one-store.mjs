// One store without the others: what they load would count as its memory.

const files = {
  spillway: ['./spillway.mjs', 'spillway'],
  lmdb: ['./lmdb.mjs', 'lmdb'],
  'better-sqlite3': ['./sqlite.mjs', 'sqlite'],
  'classic-level': ['./level.mjs', 'level'],
  'JSON lines, grouped': ['./json-lines.mjs', 'jsonLines'],
}

export async function storeNamed(name) {
  const [file, key] = files[name]
  return (await import(file))[key]
}
