// Starts a nats-server and never disposes of it: the test that runs this ends it in other ways.
import { startNats } from '../../support/servers/nats.ts'

const { folder, port } = await startNats()
console.log(JSON.stringify({ folder, port }))
setInterval(() => undefined, 1000)
