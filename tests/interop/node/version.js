'use strict';

// `version.js NAME`: the version of an installed package.
console.log(require(`${__dirname}/node_modules/${process.argv[2]}/package.json`).version);
