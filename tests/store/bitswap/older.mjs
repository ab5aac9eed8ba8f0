// What Node.js 22 has and 20 lacks, for libraries that use it: node --import ./older.mjs ...
Promise.withResolvers ??= () => {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
