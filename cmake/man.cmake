# SPDX-License-Identifier: Apache-2.0
# Puts the man text of the option table and of the outputs' parameters into the page.
cmake_minimum_required(VERSION 3.25)
file(READ ${BEFORE} page)
file(READ ${OPTIONS} options)
string(REPLACE "%OPTIONS%" "${options}" page "${page}")
file(READ ${PARAMETERS} parameters)
string(REPLACE "%PARAMETERS%" "${parameters}" page "${page}")
file(WRITE ${OUT} "${page}")
