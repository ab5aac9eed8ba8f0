// For whoever followed a link to a state of this page from another one: on that way a browser keeps the cookie to itself,
// and sends it once a page of this place asks. It has sent it for this file, or this would not run.

location.replace(`/?${location.hash}`); // the mark makes it another address: else only the state would change
