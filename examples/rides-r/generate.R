# Write rides.csv: two years of bicycle rides a day, made up by the rules below, always the same ones.

set.seed(5)
day <- seq(as.Date("2023-01-01"), as.Date("2024-12-31"), by = "day")
season <- 2 * pi * as.POSIXlt(day)$yday / 365.25
weekend <- format(day, "%u") %in% c("6", "7")

weather <- sample(c("dry", "rain", "snow"), length(day), TRUE, c(0.65, 0.3, 0.05))
temperature <- round(10 - 9 * cos(season) + rnorm(length(day), sd = 3), 1)
wind <- round(rgamma(length(day), 4, 0.4))
rides <- 400 - 200 * cos(season) + 8 * temperature - 120 * weekend - 3 * wind -
  c(dry = 0, rain = 150, snow = 250)[weather] + rnorm(length(day), sd = 30)

temperature[sample(length(day), 60)] <- NA  # the thermometer failed
wind[sample(length(day), 40)] <- NA

data <- data.frame(day, weather, temperature, wind, rides = pmax(0, round(rides)))
data <- data[sample(nrow(data)), ]  # so that the first rows are of all seasons
write.csv(data, "rides.csv", row.names = FALSE, quote = FALSE, na = "")
