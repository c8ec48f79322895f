import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, say, step } from '../run.mjs'
import { aptInstall } from './apt.mjs'
import { cached, isCached } from './cache.mjs'
import { findProgram, outputOf } from './find.mjs'
import { archiveClasses } from './kafka-archive.mjs'

const recipe = join(root, 'test', 'servers', 'kafka')
const version = /<artifactId>kafka_2.13<\/artifactId>\s*<version>([^<]+)/.exec(
  readFileSync(join(recipe, 'pom.xml'), 'utf8'),
)[1]
const name = `kafka-${version}`

/** Finds or installs a Kafka broker. Undefined when the person's own serves instead and none is here. */
export async function setUpKafka() {
  const isHere = findJava() !== undefined && isCached(name)
  if (!isHere && process.env.SPILLWAY_KAFKA_BROKERS !== undefined) return undefined
  const { command: java, version: javaVersion } = setUpJava()
  const folder = cached(name, (folder) => {
    fetchJars(join(folder, 'libs'))
    formatLog(java, folder)
  })
  const kafka = {
    version,
    java,
    javaVersion,
    libs: join(folder, 'libs'),
    formatted: join(folder, 'formatted'),
  }
  return { ...kafka, archive: await archiveClasses(kafka, folder) }
}

function setUpJava() {
  let java = findJava()
  if (java === undefined) {
    aptInstall(['default-jre-headless'], 'Java, 17 or newer')
    java = findJava()
  }
  if (java === undefined)
    throw new Error('Kafka needs Java 17 or newer: set JAVA_HOME, or put it on the path')
  return java
}

function findJava() {
  const home = process.env.JAVA_HOME
  const command = home === undefined ? findProgram('java') : join(home, 'bin', 'java')
  if (command === undefined) return undefined
  const version = /version "([^"]+)"/.exec(outputOf(command, ['-version']) ?? '')?.[1]
  return version !== undefined && Number.parseInt(version, 10) >= 17 ? { command, version } : undefined
}

function fetchJars(libs) {
  if (findProgram('mvn') === undefined) aptInstall(['maven'], 'Maven')
  say(`Fetching Apache Kafka ${version} …`)
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${libs}`]
  // -C: a file whose checksum is wrong fails.
  step('mvn', ['-q', '-B', '-C', '-f', join(recipe, 'pom.xml'), ...goal])
  compareJars(libs)
}

/** libs.sha256 pins what the versions in pom.xml bring along. SPILLWAY_PIN_JARS=1 writes it anew. */
function compareJars(libs) {
  const sum = (name) =>
    createHash('sha256')
      .update(readFileSync(join(libs, name)))
      .digest('hex')
  const found = readdirSync(libs)
    .toSorted()
    .map((name) => `${sum(name)}  ${name}\n`) // as sha256sum prints it
  const pins = join(recipe, 'libs.sha256')
  if (process.env.SPILLWAY_PIN_JARS === '1') writeFileSync(pins, found.join(''))
  if (readFileSync(pins, 'utf8') === found.join('')) return
  say(`What Maven fetched is not what ${pins} names:`)
  const pinned = new Set(readFileSync(pins, 'utf8').split(/(?<=\n)/))
  for (const line of found.filter((line) => !pinned.has(line))) say(`  unexpected ${line.trim()}`)
  process.exit(1)
}

/** A fresh log directory to copy: the broker's own tool takes seconds for it. */
function formatLog(java, folder) {
  const formatted = join(folder, 'formatted')
  const properties = join(folder, 'format.properties')
  const voters =
    'controller.quorum.voters=1@127.0.0.1:1\nlisteners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\n'
  const own = readFileSync(join(recipe, 'server.properties'), 'utf8')
  writeFileSync(properties, `${own}\n${voters}log.dirs=${formatted}\n`)
  const tool = ['-cp', join(folder, 'libs', '*'), 'kafka.tools.StorageTool']
  const printed = outputOf(java, [...tool, 'format', '-t', 'c3BpbGx3YXktdGVzdHMtMQ', '-c', properties])
  if (printed === undefined) throw new Error('kafka.tools.StorageTool format failed')
}
