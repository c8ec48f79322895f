// Functions made from text. Each is a function of its own to V8, which is what benchmarks want of loops and
// handlers: written once in the source and used for several contestants, they would share what V8 has learnt
// about them.

let compiled = 0

/** What `body` returns, with the entries of `scope` as its variables. */
export function compile(body, scope) {
  // The number makes each source text unique, or the compilation cache would share the function.
  const source = `${body} // ${compiled++}`
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is written in this directory
  return new Function(...Object.keys(scope), source)(...Object.values(scope))
}
