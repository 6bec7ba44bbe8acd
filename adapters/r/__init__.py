"""The adapter for R (rpy2's low-level interface).

embedded    starts R in this process and calls the glue
frames      tables <-> R's vectors
adapter     what the loop asks for: fit, predict, persist, load, read
glue.R      scripts, their functions, and what goes wrong in them
frames.R    vectors <-> data frames
predict.R   how models are asked, and what their answers mean
"""
