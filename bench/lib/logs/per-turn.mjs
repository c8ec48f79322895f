// Group commit for stores that have none: everything published in one turn of the event loop, or while the group
// before is being stored, is stored together.

/** `publish(item)`, which resolves when `store(items)` has resolved for a group with that item. */
export function perTurn(store) {
  let items = []
  let waiting = []
  let busy = false
  const begin = () => {
    busy = true
    setImmediate(() => void commit())
  }
  const commit = async () => {
    const [group, waiters] = [items, waiting]
    items = []
    waiting = []
    try {
      await store(group)
      for (const { resolve } of waiters) resolve()
    } catch (error) {
      for (const { reject } of waiters) reject(error)
    }
    if (items.length > 0) begin()
    else busy = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      items.push(item)
      waiting.push({ resolve, reject })
      if (!busy) begin()
    })
}
