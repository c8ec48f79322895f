/** The real servers that tests talk to: their name, the Debian package, and the command that prints the version. */
const servers = []

/** Says which real servers the tests will use, so that no test can be left out silently. */
export function describeServers() {
  if (servers.length === 0) return 'real servers used: none (no test in this version talks to a server)'
  return `real servers used: ${servers.map((server) => server.name).join(', ')}`
}
